# Apache Avro in Python and its files of records: one file in base64 a line; its records as JSON, and the same written anew, deflated.
import base64, io, json, sys

import avro.datafile
import avro.io
import avro.schema

for line in sys.stdin:
    source = io.BytesIO(base64.b64decode(line))
    reader = avro.datafile.DataFileReader(source, avro.io.DatumReader())
    schema = avro.schema.parse(reader.get_meta("avro.schema").decode())
    records = list(reader)
    target = io.BytesIO()
    writer = avro.datafile.DataFileWriter(target, avro.io.DatumWriter(), schema, codec="deflate")
    for record in records:
        writer.append(record)
    writer.flush()
    print(json.dumps({"records": records, "file": base64.b64encode(target.getvalue()).decode()}), flush=True)
