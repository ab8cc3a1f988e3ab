curl http://127.0.0.1:7672/api/v3/campaign/8528238/messages -H 'Authorization: Bearer demo'
