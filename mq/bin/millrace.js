#!/usr/bin/env node
// Not dist/cli/main.js itself: npm links only a command that is there when it installs, and a clone is built after that.
import '../dist/cli/main.js';
