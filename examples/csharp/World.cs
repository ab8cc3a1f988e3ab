using System;
using System.Net.Http;
using System.Text;
using System.Threading.Tasks;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Sms.Tests
{
    /// <summary>What these tests command an emulator; its control API has the rest.</summary>
    internal sealed class World
    {
        private static readonly HttpClient Http = new HttpClient();

        private World(string token)
        {
            Token = token;
        }

        public static string Url { get; } =
            Environment.GetEnvironmentVariable("SMSCLOUDS_URL") ?? "http://127.0.0.1:7672";

        public string Token { get; }

        /// <summary>Opens a world of its own, whose clock stands at noon in Mexico City.</summary>
        public static async Task<World> OpenAsync()
        {
            var name = Guid.NewGuid().ToString();
            await CommandAsync("demo", "POST", "worlds", new { name, clock = "2026-03-02T18:00:00Z" });
            return new World("world-" + name);
        }

        public Task AdvanceAsync(int seconds) => CommandAsync(Token, "POST", "clock/advance", new { seconds });

        public Task SettleAsync() => CommandAsync(Token, "POST", "clock/settle", new { });

        public Task ReplyAsync(string number, string text) =>
            CommandAsync(Token, "POST", "inbound", new { number, text });

        public Task FaultAsync(object rule) => CommandAsync(Token, "POST", "faults", rule);

        public Task PushToAsync(string url) => CommandAsync(Token, "PATCH", "account", new { push_url = url });

        public async Task<int> MessagesAsync() =>
            (int)(await CommandAsync(Token, "GET", "messages"))["count"];

        public async Task<int> OrdersAsync() =>
            ((JArray)(await CommandAsync(Token, "GET", "journal?operation=createCampaign"))["exchanges"]).Count;

        public Task CloseAsync() => CommandAsync(Token, "DELETE", "world");

        private static async Task<JObject> CommandAsync(
            string token, string method, string path, object body = null)
        {
            using (var request = new HttpRequestMessage(new HttpMethod(method), $"{Url}/_emulator/{path}"))
            {
                request.Headers.Add("Authorization", "Bearer " + token);
                if (body != null)
                {
                    request.Content = new StringContent(
                        JsonConvert.SerializeObject(body), Encoding.UTF8, "application/json");
                }
                using (var answer = await Http.SendAsync(request))
                {
                    var text = await answer.Content.ReadAsStringAsync();
                    if (!answer.IsSuccessStatusCode)
                    {
                        throw new InvalidOperationException(text);
                    }
                    return JObject.Parse(text);
                }
            }
        }
    }
}
