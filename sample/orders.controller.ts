import { Body, Controller, Get, HttpCode, NotFoundException, Param, ParseIntPipe, Post } from '@nestjs/common';
import { OrdersService } from './orders.service.js';

@Controller('orders')
export class OrdersController {
  constructor(private readonly orders: OrdersService) {}

  @Post()
  @HttpCode(202)
  place(@Body() body: { customer: string; amount: number }) {
    return this.orders.place(body.customer, body.amount);
  }

  @Get(':id')
  find(@Param('id', ParseIntPipe) id: number) {
    const order = this.orders.find(id);
    if (!order) throw new NotFoundException(`There is no order ${id}.`);
    return order;
  }
}
