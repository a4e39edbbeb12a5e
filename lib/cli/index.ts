export { MessagingCliModule } from './messaging-cli.module.js';
