using System;
using System.Collections.Generic;
using System.Collections.Specialized;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Tasks;

namespace Sms
{
    /// <summary>
    /// A server that replies are pushed to; it keeps each once. Give its URL to the account.
    /// </summary>
    public sealed class Receiver : IDisposable
    {
        private readonly HttpListener listener = new HttpListener();
        private readonly Dictionary<string, NameValueCollection> pushes =
            new Dictionary<string, NameValueCollection>();

        public Receiver(int port)
        {
            Url = $"http://127.0.0.1:{port}/mo";
            listener.Prefixes.Add(Url + "/");
            listener.Start();
            Task.Run(ListenAsync);
        }

        public string Url { get; }

        public IReadOnlyList<NameValueCollection> Pushes
        {
            get
            {
                lock (pushes)
                {
                    return pushes.Values.ToList();
                }
            }
        }

        /// <summary>Returns a free port.</summary>
        public static int FreePort()
        {
            var probe = new TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            var port = ((IPEndPoint)probe.LocalEndpoint).Port;
            probe.Stop();
            return port;
        }

        public void Dispose()
        {
            listener.Close();
        }

        private async Task ListenAsync()
        {
            while (listener.IsListening)
            {
                HttpListenerContext context;
                try
                {
                    context = await listener.GetContextAsync();
                }
                catch (Exception over) when (over is HttpListenerException || over is ObjectDisposedException)
                {
                    return;
                }
                var told = context.Request.QueryString;
                lock (pushes)
                {
                    pushes[string.Join("\n", told["message_id"], told["date"], told["response"])] = told;
                }
                var ok = Encoding.UTF8.GetBytes("ok"); // what the platform wants to read
                context.Response.OutputStream.Write(ok, 0, ok.Length);
                context.Response.Close();
            }
        }
    }
}
