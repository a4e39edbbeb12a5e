/** What a customer wants. */
export interface Order {
  readonly id: number;
  readonly customer: string;
  readonly amount: number;
}

/** What the payment worker answers. */
export interface Payment {
  readonly orderId: number;
  readonly amount: number;
}
