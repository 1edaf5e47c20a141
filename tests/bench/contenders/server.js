// Contender: Node.js with Microsoft's own deserializer for Event Grid, as one would write a webhook with it. It promises
// nothing: nothing is stored, and an event whose process dies, or whose call fails, is gone.
//
//   SECRET=... node server.js PORT [UPSTREAM-PORT KEY]
//
// /events   reads the body, deserializes it, looks at each event's type and job, answers 200.
// /calls    the same, but then one signed PATCH to the Job Router per event, over connections that undici keeps open, and
//           200 only after its answer.
'use strict';
const crypto = require('crypto');
const http = require('http');
const { EventGridDeserializer } = require('@azure/eventgrid');
const { Pool } = require('undici');

const [port, upstream, key] = process.argv.slice(2);
const deserializer = new EventGridDeserializer();
const host = `127.0.0.1:${upstream}`;
const pool = upstream && new Pool(`http://${host}`, { connections: 1024 });
const secret = process.env.SECRET;
const accessKey = key && Buffer.from(key, 'base64');

function readBody(request) {
  return new Promise((resolve, reject) => {
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => resolve(Buffer.concat(parts).toString()));
    request.on('error', reject);
  });
}

function sign(method, path, body) {
  const date = new Date().toUTCString();
  const hash = crypto.createHash('sha256').update(body).digest('base64');
  const text = `${method}\n${path}\n${date};${host};${hash}`;
  const signature = crypto.createHmac('sha256', accessKey).update(text).digest('base64');
  return {
    'content-type': 'application/merge-patch+json',
    'x-ms-date': date,
    'x-ms-content-sha256': hash,
    authorization: `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${signature}`,
  };
}

async function activate(jobId) {
  const path = `/routing/jobs/${jobId}?api-version=2023-11-01`;
  const body = '{"matchingMode":{"kind":"queueAndMatch"}}';
  const answer = await pool.request({ method: 'PATCH', path, body, headers: sign('PATCH', path, body) });
  await answer.body.json();
  if (answer.statusCode !== 200) {
    throw new Error(`the Job Router said ${answer.statusCode}`);
  }
}

async function handle(request) {
  const [path, query] = request.url.split('?');
  if (new URLSearchParams(query).get('code') !== secret) {
    return 401;
  }
  const events = await deserializer.deserializeEventGridEvents(await readBody(request));
  for (const event of events) {
    if (event.eventType === 'Microsoft.Communication.RouterJobWaitingForActivation' && !event.data.jobId) {
      return 400;
    }
  }
  if (path === '/calls') {
    await Promise.all(events.map((event) => activate(event.data.jobId)));
  }
  return 200;
}

const server = http.createServer((request, response) => {
  handle(request)
    .catch(() => 500)
    .then((status) => {
      response.statusCode = status;
      response.end();
    });
});
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 4096 });
