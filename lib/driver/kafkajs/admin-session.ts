import type { Admin } from 'kafkajs';

/** An admin client of kafkajs', from its first question to its last. */
export class AdminSession {
  /** It never came to be connected, and never will. */
  hasFailed = false;
  private readonly connected: Promise<unknown>;
  private readonly questions = new Set<Promise<unknown>>();

  constructor(private readonly admin: Admin) {
    this.connected = admin.connect();
    this.connected.catch(() => (this.hasFailed = true));
  }

  async ask<Answer>(question: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    const asking = this.connected.then(() => question(this.admin));
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
    await this.disconnect();
  }

  /** Closes at once. A question that is under way connects anew by itself, so what it leaves is closed after its answer. */
  async close(): Promise<void> {
    await this.disconnect();
    if (this.questions.size > 0) await this.end();
  }

  private async disconnect(): Promise<void> {
    await this.connected.catch(() => {}); // told to who asked; kafkajs keeps the socket over which it could not log in
    await this.admin.disconnect();
  }
}
