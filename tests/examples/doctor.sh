curl http://127.0.0.1:7672/api/v3/campaign -o placed.json \
  -H 'Authorization: Bearer world-shop' -H 'Content-Type: application/json' \
  -d '{"text": "hola", "recipients": [{"cellphone": "4498987282"}], "country": 1}'

smsclouds-emulator doctor --token world-shop
