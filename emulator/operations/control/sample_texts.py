"""Texts of sample campaigns, and replies to them."""

from typing import NamedTuple

SHORT_LINK_MARK = "<+DYNAMICSHORTURL_IVX4+>"


class SampleCampaign(NamedTuple):
    """One kind of campaign that a business sends."""

    channel: str  # sms, smsclic, voice or email
    name: str
    text: str  # <+B+> is the recipient's name
    replies: tuple[str, ...] = ()
    encode: bool = False  # for accents


YES_NO = ("SI", "si confirmo", "No puedo, otro dia?", "Si, gracias", "CONFIRMO", "baja")
SAMPLE_CAMPAIGNS = (
    SampleCampaign(
        "sms",
        "Recordatorio de cita",
        "Hola <+B+>, su cita es manana a las 10:30. Responda SI para confirmar.",
        YES_NO,
    ),
    SampleCampaign(
        "smsclic",
        "Rebajas de temporada",
        f"<+B+>, hasta 40% de descuento solo este fin de semana: {SHORT_LINK_MARK}",
        ("Hay en talla chica?", "a que hora cierran?", "baja"),
    ),
    SampleCampaign(
        "email",
        "Su estado de cuenta",
        "Hola <+B+>, su estado de cuenta del mes ya esta disponible en su portal.",
    ),
    SampleCampaign(
        "sms",
        "Pedido en camino",
        "Su pedido va en camino y llega hoy entre 14 y 18 h. Alguien lo recibe?",
        ("Si, aqui estoy", "Dejenlo con el vecino por favor", "ya llego, gracias"),
    ),
    SampleCampaign(
        "voice",
        "Aviso de vencimiento",
        "Hola <+B+>. Le recordamos que su pago vence este viernes. Muchas gracias.",
    ),
    SampleCampaign(
        "sms",
        "Código de acceso",
        "<+B+>, tu código de acceso es válido 5 minutos. No lo compartas.",
        ("quien es?", "Yo no lo pedi"),
        encode=True,
    ),
    SampleCampaign(
        "smsclic",
        "Encuesta de servicio",
        f"Como fue su visita? Son dos preguntas: {SHORT_LINK_MARK}",
        ("todo bien", "muy tardado", "Excelente servicio, gracias!"),
    ),
    SampleCampaign(
        "email",
        "Novedades de la semana",
        "<+B+>, estas son las novedades de la semana. Le esperamos en la tienda.",
    ),
    SampleCampaign(
        "sms",
        "Pago recibido",
        "Recibimos su pago, <+B+>. Gracias por su preferencia.",
        ("Gracias", "Cuando se refleja?", "ok"),
    ),
    SampleCampaign(
        "voice",
        "Confirmación de entrega",
        "Su paquete llega mañana por la mañana. Si no estará en casa, llámenos.",
    ),
    SampleCampaign(
        "sms",
        "Corte de agua",
        "Manana de 9 a 15 h habra corte de agua en su colonia por mantenimiento.",
        ("otra vez??", "En que calles?", "Gracias por avisar"),
    ),
)
