package sms;

/** The platform said no; nothing was sent and nothing was paid. */
public final class Refused extends RuntimeException {
    Refused(String message) {
        super(message);
    }
}
