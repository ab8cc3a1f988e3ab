smsclouds-emulator serve --processes 2 --auto-create-worlds http --port 0 --smpp-port 0 \
  --ready-file ready.json > serve.log &
until [ -e ready.json ]; do sleep 0.1; done
grep -o '"http": [^,]*, "smpp": [^,]*' ready.json | sed 's/:[0-9]*"/:<a free port>"/g'

kill $!
wait
