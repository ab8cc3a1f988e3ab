smsclouds-emulator fault operation=submit_sm command_status=ESME_RTHROTTLED every=3
smsclouds-emulator fault operation=createCampaign status=500 body='{"oops": true}' first=1
smsclouds-emulator fault f1 off=true
smsclouds-emulator fault --clear
