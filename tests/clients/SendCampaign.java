import okhttp3.MediaType;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.RequestBody;
import okhttp3.Response;

/**
 * An SMS campaign, sent as the manual's Java example sends it: the calls of OkHttp, the
 * headers and the body are the example's. Host and token come from the environment.
 */
public class SendCampaign {
    public static void main(String[] arguments) throws Exception {
        OkHttpClient client = new OkHttpClient().newBuilder()
            .build();

        MediaType mediaType = MediaType.parse("application/json");

        RequestBody body = RequestBody.create(mediaType, "{\"text\":\"hi mi name y jose\",\"recipients\":[{\"cellphone\":\"4498987282\"},{\"cellphone\":\"4498987283\"},{\"cellphone\":\"4498987283\"}],\"campaign_name\":\"my campaign\",\"route\":87,\"country\":1,\"encode\":false,\"long_message\":false}");

        Request request = new Request.Builder()
            .url(System.getenv("SMSCLOUDS_HOST") + "/api/v3/campaign")
            .method("POST", body)
            .addHeader("Authorization", "Bearer " + System.getenv("SMSCLOUDS_TOKEN"))
            .addHeader("Content-Type", "application/json")
            .addHeader("Accept", "application/json")
            .build();

        Response response = client.newCall(request).execute();

        System.out.print(response.body().string());
    }
}
