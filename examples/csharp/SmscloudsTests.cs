using System;
using System.Linq;
using System.Threading.Tasks;
using NUnit.Framework;

namespace Sms.Tests
{
    [TestFixture]
    public class SmscloudsTests
    {
        private const string Phone = "4498987282";
        private const string Noon = "2026-03-02 12:00:00";
        private static readonly string[] Phones = { Phone };

        private World world;
        private Smsclouds client;

        [SetUp]
        public void OpenWorld()
        {
            world = World.OpenAsync().GetAwaiter().GetResult();
            client = new Smsclouds(World.Url, world.Token, TimeSpan.Zero);
        }

        [TearDown]
        public void CloseWorld()
        {
            client.Dispose();
            world.CloseAsync().GetAwaiter().GetResult();
        }

        [Test]
        public async Task SendAndPoll()
        {
            var campaign = await client.SendAsync("hola", Phones, "order 1");

            await world.AdvanceAsync(10);
            var progress = await client.ProgressAsync(campaign.Value);
            Assert.That(progress.Percentage, Is.EqualTo(0));
            Assert.That(progress.Statuses[Phone], Is.EqualTo("in progress"));

            await world.AdvanceAsync(1);
            progress = await client.ProgressAsync(campaign.Value);
            Assert.That(progress.Percentage, Is.EqualTo(100));
            Assert.That(progress.Statuses[Phone], Is.EqualTo("sent"));
        }

        [Test]
        public async Task AReplyIsPolled()
        {
            await client.SendAsync("hola", Phones, "order 2");
            await world.SettleAsync();

            await world.ReplyAsync(Phone, "BAJA");

            var reply = (await client.RepliesAsync(Noon)).Single();
            Assert.That((string)reply["campaign_name"], Is.EqualTo("order 2"));
            Assert.That((string)reply["response"], Is.EqualTo("BAJA"));
        }

        [Test]
        public async Task AReplyThatIsPushedTwiceIsOne()
        {
            using (var receiver = new Receiver(Receiver.FreePort()))
            {
                await world.PushToAsync(receiver.Url);
                await world.FaultAsync(new { operation = "moPush", effect = new { push = "duplicated" } });
                await client.SendAsync("hola", Phones, "order 3");
                await world.SettleAsync();

                await world.ReplyAsync(Phone, "BAJA");
                await world.SettleAsync();

                var push = receiver.Pushes.Single();
                Assert.That(push["cellphone"], Is.EqualTo(Phone));
                Assert.That(push["response"], Is.EqualTo("BAJA"));
            }
        }

        [TestCase("before", "status")]
        [TestCase("before", "wire")]
        [TestCase("after", "status")]
        [TestCase("after", "wire")]
        public async Task AFailureIsNoSecondMessage(string phase, string kind)
        {
            var effect = kind == "status" ? (object)new { status = 500 } : new { wire = "close" };
            await world.FaultAsync(new { operation = "createCampaign", phase, first = 1, effect });

            var campaign = await client.SendAsync("hola", Phones, "order 4");

            Assert.That(await world.MessagesAsync(), Is.EqualTo(1));
            Assert.That(campaign.HasValue, Is.EqualTo(phase == "before"));
        }

        [Test]
        public async Task ACampaignWithoutANumberIsKnownByItsName()
        {
            await world.FaultAsync(
                new { operation = "createCampaign", phase = "after", effect = new { status = 500 } });
            await client.SendAsync("hola", Phones, "order 5");
            await world.SettleAsync();

            await world.ReplyAsync(Phone, "Si");

            var reply = (await client.RepliesAsync(Noon)).Single();
            Assert.That((string)reply["campaign_name"], Is.EqualTo("order 5"));
        }

        [Test]
        public async Task WhatThePlatformRefusesIsNotTriedAgain()
        {
            Exception refused = null;
            try
            {
                await client.SendAsync("hola", new[] { "123" }, "order 6");
            }
            catch (RefusedException error)
            {
                refused = error;
            }

            Assert.That(refused?.Message.Substring(0, 3), Is.EqualTo("422"));
            Assert.That(await world.OrdersAsync(), Is.EqualTo(1));
        }

        [Test]
        public async Task APlatformThatKeepsFailingGetsNothing()
        {
            await world.FaultAsync(new { operation = "createCampaign", effect = new { status = 500 } });

            Exception unanswered = null;
            try
            {
                await client.SendAsync("hola", Phones, "order 7");
            }
            catch (UnansweredException error)
            {
                unanswered = error;
            }

            Assert.That(unanswered, Is.Not.Null);
            Assert.That(await world.MessagesAsync(), Is.EqualTo(0));
        }
    }
}
