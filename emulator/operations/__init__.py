"""One plain function per operationId: load, decide, keep, answer.

Two tables, as there are two contracts: the platform's and that of the control API (to
which ``worlds.commands`` adds).
"""

from collections.abc import Mapping

from emulator.operations import (
    account,
    campaigns,
    clock,
    email,
    events,
    faults,
    handsets,
    health,
    hlr,
    journal,
    messages,
    responses,
    sms,
    smsclic,
    tokens,
    user,
    voice,
)
from emulator.operations.call import Operation, PatientOperation

OPERATIONS: Mapping[str, Operation] = {
    "getUser": user.get_user,
    "headUser": user.get_user,
    "listRoutes": user.list_routes,
    "listCountries": user.list_countries,
    "createCampaign": sms.create_campaign,
    "getCampaignMessages": sms.get_campaign_messages,
    "createSmsClicCampaign": smsclic.create_sms_clic_campaign,
    "queryResponses": responses.query_responses,
    "createEmailCampaign": email.create_email_campaign,
    "createVoiceCampaign": voice.create_voice_campaign,
    "getVoiceCampaign": voice.get_voice_campaign,
    "cancelVoiceCampaign": voice.cancel_voice_campaign,
    "lookupNumber": hlr.lookup_number,
}

CONTROL: Mapping[str, Operation | PatientOperation] = {
    "getHealth": health.get_health,
    "getReadiness": health.get_readiness,
    "getClock": clock.get_clock,
    "setClock": clock.set_clock,
    "advanceClock": clock.advance_clock,
    "settleWorld": clock.settle_world,
    "streamEvents": events.stream_events,
    "listCampaigns": campaigns.list_campaigns,
    "pauseCampaign": campaigns.pause_campaign,
    "resumeCampaign": campaigns.resume_campaign,
    "cancelCampaign": campaigns.cancel_campaign,
    "loseCampaign": campaigns.lose_campaign,
    "listLetters": campaigns.list_letters,
    "getHandset": handsets.get_handset,
    "setHandset": handsets.set_handset,
    "getPopulation": handsets.get_population,
    "setPopulation": handsets.set_population,
    "listMessages": messages.list_messages,
    "getAccount": account.get_account,
    "changeAccount": account.change_account,
    "addItem": account.add_item,
    "removeItem": account.remove_item,
    "listLinks": account.list_links,
    "listMovements": account.list_movements,
    "topUp": account.top_up,
    "listFaults": faults.list_faults,
    "listPresets": faults.list_presets,
    "addFault": faults.add_fault,
    "removeFault": faults.remove_fault,
    "clearFaults": faults.clear_faults,
    "listExchanges": journal.list_exchanges,
    "clearJournal": journal.clear_journal,
    "waitForExchanges": journal.wait_for_exchanges,
    "verifyExchanges": journal.verify_exchanges,
    "listTokens": tokens.list_tokens,
    "createToken": tokens.create_token,
    "deleteToken": tokens.delete_token,
    "expireToken": tokens.expire_token,
}
