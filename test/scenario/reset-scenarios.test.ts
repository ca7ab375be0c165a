import { itReplays } from './transcripts.ts';

itReplays(import.meta.filename);
