# kafka-python as the other side. `write BOOTSTRAP TOPIC CODEC` sends what stands on stdin, `read BOOTSTRAP TOPIC` prints the topic; JSON, a record a line.
import json, sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

sys.stdin.reconfigure(encoding="latin-1")
command, bootstrap, topic = sys.argv[1:4]


def text(data):
    return None if data is None else data.decode("latin-1")


def raw(data):
    return None if data is None else data.encode("latin-1")


if command == "write":
    codec = None if sys.argv[4] == "none" else sys.argv[4]
    producer = KafkaProducer(bootstrap_servers=bootstrap, compression_type=codec, linger_ms=50)
    for line in sys.stdin:
        one = json.loads(line)
        headers = [(name, raw(value)) for name, value in one["headers"]]
        producer.send(topic, key=raw(one["key"]), value=raw(one["value"]), headers=headers, partition=0)
    producer.flush()
    producer.close()
else:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, check_crcs=True)
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    while consumer.position(partition) < end:
        for records in consumer.poll(timeout_ms=500).values():
            for one in records:
                headers = [[name, text(value)] for name, value in one.headers]
                print(json.dumps({"key": text(one.key), "value": text(one.value), "headers": headers}))
    consumer.close()
