"""One plain function per operationId: load, decide, keep, answer.

Two tables, as there are two contracts: the platform's and that of the control API (to
which ``worlds.commands`` adds).
"""

from collections.abc import Mapping

from emulator.operations.control import account
from emulator.operations.control import campaigns
from emulator.operations.control import clock
from emulator.operations.control import conversations
from emulator.operations.control import deliveries
from emulator.operations.platform import email
from emulator.operations.control import events
from emulator.operations.control import faults
from emulator.operations.control import handsets
from emulator.operations.control import health
from emulator.operations.platform import hlr
from emulator.operations.background import inbound
from emulator.operations.control import journal
from emulator.operations.control import messages
from emulator.operations.control import populate
from emulator.operations.control import pushes
from emulator.operations.control import recipients
from emulator.operations.platform import responses
from emulator.operations.control import sessions
from emulator.operations.platform import sms
from emulator.operations.platform import smsclic
from emulator.operations.control import statements
from emulator.operations.control import tokens
from emulator.operations.platform import user
from emulator.operations.platform import voice
from emulator.operations.call import OperationFunction, WaitingFunction

PLATFORM_OPERATIONS: Mapping[str, OperationFunction] = {
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

CONTROL_OPERATIONS: Mapping[str, OperationFunction | WaitingFunction] = {
    "getHealth": health.get_health,
    "getClock": clock.get_clock,
    "setClock": clock.set_clock,
    "listPending": clock.list_pending,
    "advanceClock": clock.advance_clock,
    "settleWorld": clock.settle_world,
    "streamEvents": events.stream_events,
    "streamChanges": events.stream_changes,
    "listCampaigns": campaigns.list_campaigns,
    "getCampaign": recipients.get_campaign,
    "listRecipients": recipients.list_recipients,
    "cancelCalls": campaigns.cancel_calls,
    "pauseCampaign": campaigns.pause_campaign,
    "resumeCampaign": campaigns.resume_campaign,
    "cancelCampaign": campaigns.cancel_campaign,
    "loseCampaign": campaigns.lose_campaign,
    "listLetters": campaigns.list_emails,
    "getHandset": handsets.get_handset,
    "listConversations": conversations.list_conversations,
    "getConversation": conversations.get_conversation,
    "setHandset": handsets.set_handset,
    "getPopulation": handsets.get_population,
    "setPopulation": handsets.set_population,
    "listMessages": messages.list_messages,
    "populateWorld": populate.populate_world,
    "getAccount": account.get_account,
    "changeAccount": account.change_account,
    "addItem": account.add_item,
    "removeItem": account.remove_item,
    "listLinks": account.list_links,
    "receiveText": inbound.receive_text,
    "listReceived": inbound.list_received_texts,
    "listDeliveries": deliveries.list_deliveries,
    "waitForDeliveries": deliveries.wait_for_deliveries,
    "replayDelivery": deliveries.replay_delivery,
    "sendDelivery": deliveries.send_delivery,
    "dropDelivery": deliveries.drop_delivery,
    "streamPushes": pushes.stream_pushes,
    "answerPush": pushes.answer_push,
    "listMovements": account.list_movements,
    "topUp": account.top_up,
    "listSessions": sessions.list_sessions,
    "cutSession": sessions.cut_session,
    "listLongMessages": sessions.list_long_messages,
    "listFaults": faults.list_faults,
    "listPresets": faults.list_presets,
    "addFault": faults.add_fault,
    "changeFault": faults.change_fault,
    "removeFault": faults.remove_fault,
    "clearFaults": faults.clear_faults,
    "listExchanges": journal.list_exchanges,
    "getExchange": statements.get_exchange,
    "clearJournal": journal.clear_journal,
    "waitForExchanges": journal.wait_for_exchanges,
    "verifyExchanges": journal.verify_exchanges,
    "listTokens": tokens.list_tokens,
    "createToken": tokens.create_token,
    "deleteToken": tokens.delete_token,
    "expireToken": tokens.expire_token,
}
