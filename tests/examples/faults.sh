smsclouds-emulator fault operation=submit_sm command_status=ESME_RTHROTTLED every=3
smsclouds-emulator fault operation=createCampaign status=500 body='{"oops": true}' first=1
smsclouds-emulator fault f1 disabled=true
smsclouds-emulator fault --clear
