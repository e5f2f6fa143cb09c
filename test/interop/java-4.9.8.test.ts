import { scenarios } from './scenarios/index.ts';
import { java4 } from './support/flavours.ts';
import { runScenarios } from './support/suite.ts';

runScenarios(java4, scenarios);
