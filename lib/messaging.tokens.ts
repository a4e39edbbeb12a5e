/** The options with environment and defaults, and their faults. */
export const MESSAGING_OPTIONS = Symbol.for('nestjs-messaging:options');
export const DRIVER_FACTORY = Symbol.for('nestjs-messaging:driver-factory');
export const CLOCK = Symbol.for('nestjs-messaging:clock');
