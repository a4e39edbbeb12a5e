"""Debian's python3-kafka as a peer: `read SERVERS TOPIC COUNT` prints records as JSON lines, `write SERVERS TOPIC` sends those of stdin."""
import json
import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

mode, servers, topic = sys.argv[1:4]


def text(value):
    return None if value is None else value.decode()


def data(value):
    return None if value is None else value.encode()


if mode == "read":
    consumer = KafkaConsumer(bootstrap_servers=servers, check_crcs=True, consumer_timeout_ms=10000)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    for _, record in zip(range(int(sys.argv[4])), consumer):
        headers = [[name, text(value)] for name, value in record.headers]
        print(json.dumps({"key": text(record.key), "value": text(record.value), "headers": headers}))
else:
    producer = KafkaProducer(bootstrap_servers=servers)
    for line in sys.stdin:
        one = json.loads(line)
        headers = [(name, data(value)) for name, value in one["headers"]]
        producer.send(topic, key=data(one["key"]), value=data(one["value"]), headers=headers).get(10)
    producer.close()
