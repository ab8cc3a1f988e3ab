import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/**
 * An e-mail. Of the manual's own Java example only the headers are left; the calls are
 * those of its campaign, the body is that of the other languages.
 */
public class SendEmail {
    public static void main(String[] arguments) throws Exception {
        OkHttpClient client = new OkHttpClient().newBuilder()
            .build();

        MediaType mediaType = MediaType.parse("application/json");

        RequestBody body = RequestBody.create(mediaType, "{ \"body\": \"Hola mi nombre es <+B+> y tengo un id <+C+>,\", \r\n\"subject\": \"importante\", \r\n\"recipients\": [ { \"email\": \"jack@example.org\", \"name\": \"Jack\", \"field1\": \"52452245\" } ]\r\n}\r\n");

        Request request = new Request.Builder()
            .url(System.getenv("SMSCLOUDS_HOST") + "/api/v1/email")
            .method("POST", body)
            .addHeader("Authorization", "Bearer " + System.getenv("SMSCLOUDS_TOKEN"))
            .addHeader("Accept", "application/json")
            .addHeader("Content-Type", "application/json")
            .build();

        Response response = client.newCall(request).execute();

        System.out.print(response.body().string());
    }
}
