// One line a step: what it was, what came of it, how long it took.

let isOver = false;

/** After a failure or an interrupt: steps that are cut short because of it are not news. */
export function endProgress() {
  isOver = true;
}

const firstNoteAfterMs = 2_000;
const nextNoteAfterMs = 10_000;

function seconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

/**
 * Runs one step and prints one line when it ends. A step that takes long is announced, and then says every ten
 * seconds that it is still at it, so that a slow download does not look like a hang.
 *
 * `work` gets the function that sets the words printed beside the step's name.
 */
export async function step(name, work) {
  const startedAt = performance.now();
  const label = name.padEnd(14);
  let detail = '';
  let timer = setTimeout(note, firstNoteAfterMs);
  function note() {
    if (isOver) return;
    console.log(`  … ${label} ${detail} (${seconds(startedAt)})`);
    timer = setTimeout(note, nextNoteAfterMs);
  }
  try {
    const result = await work((words) => {
      detail = words;
    });
    console.log(`  ✓ ${label} ${detail.padEnd(64)} ${seconds(startedAt).padStart(7)}`);
    return result;
  } catch (error) {
    if (!isOver) console.log(`  ✗ ${label} ${detail.padEnd(64)} ${seconds(startedAt).padStart(7)}`);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
