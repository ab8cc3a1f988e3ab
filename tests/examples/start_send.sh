curl http://127.0.0.1:7672/api/v3/campaign \
  -H 'Authorization: Bearer demo' -H 'Content-Type: application/json' \
  -d '{"text": "hola", "recipients": [{"cellphone": "4498987282"}], "country": 1}'
