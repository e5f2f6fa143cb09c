import fc from 'fast-check';

/**
 * Loaded before each test file where a seed is named (scripts/test.mjs). CI names one, so that a submission is judged by
 * its own change and a failure can be repeated; without one each run explores anew.
 */
const seed = process.env['HOLDFAST_PROPERTY_SEED'];
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
