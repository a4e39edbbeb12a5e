"""Debian's python3-kafka and Apache Avro as a service of its own: `SERVERS REGISTRY FROM TO COUNT` reads COUNT messages of FROM by the ids that
they name, prints them as JSON lines, and writes them to TO by schemas that it registers itself: without the namespace of FROM's records."""
import io
import json
import struct
import sys
import urllib.request

import avro.io
import avro.schema
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

servers, registry, source, target, count = sys.argv[1:6]
MEDIA = "application/vnd.schemaregistry.v1+json"


def ask(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(registry + path, data, {"accept": MEDIA, "content-type": MEDIA})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def read(framed):
    magic, schema_id = struct.unpack(">bi", framed[:5])
    assert magic == 0, framed[:5].hex()
    schema = ask(f"/schemas/ids/{schema_id}")["schema"]
    source = io.BytesIO(framed[5:])
    value = avro.io.DatumReader(avro.schema.parse(schema)).read(avro.io.BinaryDecoder(source))
    assert source.read() == b"", "bytes are left"
    return schema, value


def write(subject, schema, value):
    text = json.dumps(schema)
    schema_id = ask(f"/subjects/{subject}/versions", {"schema": text})["id"]
    body = io.BytesIO()
    avro.io.DatumWriter(avro.schema.parse(text)).write(value, avro.io.BinaryEncoder(body))
    return struct.pack(">bi", 0, schema_id) + body.getvalue()


def own(schema):
    parsed = json.loads(schema)
    return {name: value for name, value in parsed.items() if name != "namespace"} if isinstance(parsed, dict) else parsed


consumer = KafkaConsumer(bootstrap_servers=servers, check_crcs=True, consumer_timeout_ms=10000)
consumer.assign([TopicPartition(source, 0)])
consumer.seek_to_beginning()
producer = KafkaProducer(bootstrap_servers=servers)
for _, record in zip(range(int(count)), consumer):
    key_schema, key = read(record.key)
    value_schema, value = read(record.value)
    print(json.dumps({"key": key, "value": value}, default=str), flush=True)
    framed_key = write(f"{target}-key", own(key_schema), key)
    framed_value = write(f"{target}-value", own(value_schema), value)
    producer.send(target, key=framed_key, value=framed_value).get(10)
producer.close()
