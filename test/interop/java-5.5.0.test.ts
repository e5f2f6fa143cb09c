import { scenarios } from './scenarios/index.ts';
import { java5 } from './support/flavours.ts';
import { runScenarios } from './support/suite.ts';

runScenarios(java5, scenarios);
