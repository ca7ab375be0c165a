import { Controller, Get, Query } from '@nestjs/common';
import { ApiBadRequestResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { FindNotifications } from '../application/find-notifications.ts';
import { NotificationListView, NotificationQueryDto, viewOf } from './notification.dto.ts';

@ApiTags('notifications')
@Controller('notifications')
export class NotificationController {
  constructor(private readonly findNotifications: FindNotifications) {}

  @Get()
  @ApiOperation({ summary: 'Shows what a user was told about an order, oldest first' })
  @ApiOkResponse({ type: NotificationListView })
  @ApiBadRequestResponse()
  async find(@Query() query: NotificationQueryDto): Promise<NotificationListView> {
    const notifications = await this.findNotifications.execute(query.orderNo);
    return { items: notifications.map((notification) => viewOf(notification)) };
  }
}
