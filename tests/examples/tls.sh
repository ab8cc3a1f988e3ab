smsclouds-emulator serve --port 0 --smpp-port none --ready-file ready.json \
  --tls-port 7673 --tls-ca-file ca.pem &
until [ -e ready.json ]; do sleep 0.1; done

curl --cacert ca.pem --connect-to smsclouds.cloud:443:127.0.0.1:7673 \
  https://smsclouds.cloud/api/v1/user -H 'Authorization: Bearer demo' --fail -o user.json

kill $!
grep 'User Found' user.json
