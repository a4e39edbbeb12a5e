import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory, ISocketFactoryArgs } from 'kafkajs';

const KEEP_ALIVE_MS = 60_000;

/**
 * kafkajs tells nobody when a broker hangs up while nothing is asked of it: its sockets do. While a broker is away it ends and unrefs a
 * dead socket at each attempt, and each time Node adds a listener: no leak to warn of.
 */
export function watchedSocket(onHangUp: () => void, open: ISocketFactory = openSocket): ISocketFactory {
  return (args) => open(args).setMaxListeners(0).once('close', onHangUp);
}

/** As kafkajs itself does, which exports no factory of its own. */
function openSocket({ host, port, ssl, onConnect }: ISocketFactoryArgs): Socket {
  const servername = isIP(host) ? {} : { servername: host };
  const socket = ssl
    ? connectTls({ host, port, ...servername, ...ssl }, onConnect)
    : connectPlain({ host, port }, onConnect);
  return socket.setKeepAlive(true, KEEP_ALIVE_MS);
}
