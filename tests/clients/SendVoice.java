import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/**
 * A text read aloud. The manual's own Java example is lost; the calls are those of its
 * campaign, the body is that of the other languages.
 */
public class SendVoice {
    public static void main(String[] arguments) throws Exception {
        OkHttpClient client = new OkHttpClient().newBuilder()
            .build();

        MediaType mediaType = MediaType.parse("application/json");

        RequestBody body = RequestBody.create(mediaType, "{ \"type\":2, \n\n\"campaign_name\":\"test api audio\", \n\n\"text\": \"hola, como estas <+B+> ? esta es una llamada blaster, tenemos tu nuevo id <+C+>\", \n\n\"recipients\":[ { \"cellphone\":\"4498752325\", \"name\":\"Jack\", \"field1\":\"52452245\" } ], \n\n\"remittent\": \"5570055780\"\n\n}\n\n");

        Request request = new Request.Builder()
            .url(System.getenv("SMSCLOUDS_HOST") + "/api/v3/voice")
            .method("POST", body)
            .addHeader("Authorization", "Bearer " + System.getenv("SMSCLOUDS_TOKEN"))
            .addHeader("Accept", "application/json")
            .addHeader("Content-Type", "application/json")
            .build();

        Response response = client.newCall(request).execute();

        System.out.print(response.body().string());
    }
}
