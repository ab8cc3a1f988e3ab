curl http://127.0.0.1:7672/api/v3/responses \
  -H 'Authorization: Bearer demo' -H 'Content-Type: application/json' \
  -d '{"type": 4, "campaigns": [8528238]}'
