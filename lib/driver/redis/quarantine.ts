/** Deliveries after which a message may be what ended those processes. */
const SUSPECT_AFTER = 2;

/**
 * One suspect at a time in a process: if it ends the process again, no other suspect gets another delivery counted against it. Without
 * it a message that kills processes takes its innocent neighbours along to the dead letters.
 */
export class Quarantine {
  private taken = false;

  /** With so many deliveries before the next one. */
  isSuspect(deliveries: number): boolean {
    return deliveries >= SUSPECT_AFTER;
  }

  /** False while another suspect is at work. */
  enter(): boolean {
    if (this.taken) return false;
    this.taken = true;
    return true;
  }

  leave(): void {
    this.taken = false;
  }
}
