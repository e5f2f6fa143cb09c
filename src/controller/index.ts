/**
 * Who leads a broker group and who counts: elections, epochs, sync-state sets. Owns these decisions and where they are
 * kept; knows nothing of messages or topics.
 */
export { Controller, type ControllerPorts } from './controller.ts';
export { type ControllerOptions, controllerOptions, refusedControllerKeys } from './options.ts';
