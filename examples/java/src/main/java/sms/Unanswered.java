package sms;

/** No usable answer came: look before you send anything again. */
public final class Unanswered extends RuntimeException {
    Unanswered(String message) {
        super(message);
    }

    Unanswered(Throwable cause) {
        super(cause);
    }
}
