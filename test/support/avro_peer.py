# Apache Avro in Python as the other side. One JSON request a line: {"schema", "hex"} is decoded and encoded again.
import io, json, sys

import avro.io
import avro.schema

for line in sys.stdin:
    request = json.loads(line)
    schema = avro.schema.parse(json.dumps(request["schema"]))
    source = io.BytesIO(bytes.fromhex(request["hex"]))
    value = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(source))
    rest = len(source.read())
    target = io.BytesIO()
    avro.io.DatumWriter(schema).write(value, avro.io.BinaryEncoder(target))
    print(json.dumps({"hex": target.getvalue().hex(), "rest": rest, "value": json.loads(json.dumps(value, default=str))}), flush=True)
