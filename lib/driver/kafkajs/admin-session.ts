import type { Admin } from 'kafkajs';

/** An admin client of kafkajs', from its first question to its last. */
export class AdminSession {
  private readonly connected: Promise<Admin>;
  private readonly questions = new Set<Promise<unknown>>();

  constructor(admin: Admin) {
    this.connected = admin.connect().then(() => admin);
  }

  async ask<Answer>(question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    const asking = this.connected.then(question);
    this.questions.add(asking);
    try {
      return await asking;
    } finally {
      this.questions.delete(asking);
    }
  }

  /** Closes when what was asked is answered. */
  async end(): Promise<void> {
    await Promise.allSettled(this.questions);
    await this.close();
  }

  async close(): Promise<void> {
    await this.connected.then(
      (admin) => admin.disconnect(),
      () => {}, // it never was connected: there is nothing to close
    );
  }
}
