smsclouds-emulator serve --port 0 --smpp-port none --ready-file ready.json &
until [ -e ready.json ]; do sleep 0.1; done
url=$(grep -o 'http://[^"]*' ready.json)

curl "$url/api/v1/user" -H 'Authorization: Bearer world-one' --fail -o user.json

kill $!
grep 'User Found' user.json
