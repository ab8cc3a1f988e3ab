using System;
using System.Collections.Generic;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using Newtonsoft.Json;
using Newtonsoft.Json.Linq;

namespace Sms
{
    /// <summary>The platform said no; nothing was sent and nothing was paid.</summary>
    public sealed class RefusedException : Exception
    {
        public RefusedException(string message) : base(message) { }
    }

    /// <summary>No usable answer came: look before you send anything again.</summary>
    public sealed class UnansweredException : Exception
    {
        public UnansweredException(string message, Exception cause = null) : base(message, cause) { }
    }

    /// <summary>
    /// A client of Smsclouds V3, with HttpClient: one account, with no other sender. Copy it.
    /// </summary>
    public sealed class Smsclouds : IDisposable
    {
        private readonly string url;
        private readonly TimeSpan pause;
        private readonly HttpClient http = new HttpClient { Timeout = TimeSpan.FromSeconds(60) };
        private readonly SemaphoreSlim oneAtATime = new SemaphoreSlim(1);

        /// <param name="pause">Until the platform is done with what it was asked.</param>
        public Smsclouds(string url, string token, TimeSpan pause)
        {
            this.url = url;
            this.pause = pause;
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
            // On a kept connection that dies, a request may be sent again behind our back.
            http.DefaultRequestHeaders.ConnectionClose = true;
        }

        public void Dispose()
        {
            http.Dispose();
            oneAtATime.Dispose();
        }

        /// <summary>Sends once, whatever happens on the way; returns the campaign's number.</summary>
        /// <remarks>
        /// The platform knows no idempotency key, but it charges a campaign when it takes it. So the
        /// credit tells what became of an order without an answer: where it is what it was, the order
        /// was not taken and is sent again. Where it is not, the number stays unknown (null); replies
        /// come with the campaign's name.
        /// </remarks>
        public async Task<long?> SendAsync(
            string text, IEnumerable<string> cellphones, string name, int route = 87)
        {
            var order = new
            {
                text,
                recipients = cellphones.Select(cellphone => new { cellphone }),
                campaign_name = name,
                route,
            };
            await oneAtATime.WaitAsync();
            try
            {
                var credit = await CreditAsync();
                for (var attempt = 0; attempt < 3; attempt++)
                {
                    try
                    {
                        return (long)(await AskAsync(HttpMethod.Post, "/api/v3/campaign", order))["campaign"];
                    }
                    catch (UnansweredException)
                    {
                        await Task.Delay(pause);
                        if (await CreditAsync() != credit)
                        {
                            return null;
                        }
                    }
                }
                throw new UnansweredException("nothing was sent: the platform fails");
            }
            finally
            {
                oneAtATime.Release();
            }
        }

        public async Task<decimal> CreditAsync()
        {
            return (decimal)(await AskAsync(HttpMethod.Get, "/api/v1/user"))["data"]["credit"];
        }

        /// <summary>Returns the percentage that is over, and the status of each cellphone.</summary>
        public async Task<(int Percentage, Dictionary<string, string> Statuses)> ProgressAsync(long campaign)
        {
            var answer = await AskAsync(HttpMethod.Get, $"/api/v3/campaign/{campaign}/messages");
            var statuses = answer["data"].ToDictionary(
                each => (string)each["cellphone"], each => (string)each["status"]);
            return ((int)answer["percentage"], statuses);
        }

        /// <summary>Returns what was answered since "2026-03-02 12:00:00", oldest first.</summary>
        public async Task<IReadOnlyList<JToken>> RepliesAsync(string since)
        {
            var query = new { type = 1, from = since };
            return (await AskAsync(HttpMethod.Post, "/api/v3/responses", query))["results"].ToList();
        }

        private async Task<JObject> AskAsync(HttpMethod method, string path, object body = null)
        {
            using (var request = new HttpRequestMessage(method, url + path))
            {
                if (body != null)
                {
                    request.Content = new StringContent(
                        JsonConvert.SerializeObject(body), Encoding.UTF8, "application/json");
                }
                try
                {
                    using (var answer = await http.SendAsync(request))
                    {
                        var status = (int)answer.StatusCode;
                        var text = await answer.Content.ReadAsStringAsync();
                        if (status >= 500)
                        {
                            throw new UnansweredException($"{status}: {text}");
                        }
                        var content = JObject.Parse(text);
                        if (status >= 400)
                        {
                            throw new RefusedException($"{status}: {content["error"]["information"]}");
                        }
                        return content;
                    }
                }
                catch (Exception cause) when (
                    cause is HttpRequestException || cause is TaskCanceledException || cause is JsonException)
                {
                    throw new UnansweredException("no answer", cause);
                }
            }
        }
    }
}
