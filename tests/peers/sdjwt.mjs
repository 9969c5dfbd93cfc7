// A peer behind a pipe: npm @sd-jwt/sd-jwt-vc, one JSON request a line, one JSON answer a line.
// Ops: issue, present, verify, bench. Keys are JWKs; algorithms ES256 and EdDSA by node:crypto.
import { createHash, createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto';
import { createInterface } from 'node:readline';
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc';

const hasher = (data, alg) => {
  const bytes = typeof data === 'string' ? data : Buffer.from(data);
  return new Uint8Array(createHash(alg.replace('-', '')).update(bytes).digest());
};
const options = (jwk) => (jwk.kty === 'EC' ? { dsaEncoding: 'ieee-p1363' } : {});
const digest = (jwk) => (jwk.kty === 'EC' ? 'sha256' : null);
const alg = (jwk) => (jwk.kty === 'EC' ? 'ES256' : 'EdDSA');

function signer(jwk) {
  const key = createPrivateKey({ key: jwk, format: 'jwk' });
  return (data) => sign(digest(jwk), Buffer.from(data), { key, ...options(jwk) }).toString('base64url');
}

function verifier(jwk) {
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return (data, signature) =>
    verify(digest(jwk), Buffer.from(data), { key, ...options(jwk) }, Buffer.from(signature, 'base64url'));
}

function instance({ issuer, holder, statusToken, issuerPublic }) {
  return new SDJwtVcInstance({
    hasher,
    hashAlg: 'sha-256',
    saltGenerator: (length) => randomBytes(length).toString('base64url'),
    ...(issuer?.d ? { signer: signer(issuer), signAlg: alg(issuer) } : {}),
    ...(issuerPublic ? { verifier: verifier(issuerPublic) } : {}),
    ...(holder?.d ? { kbSigner: signer(holder), kbSignAlg: alg(holder) } : {}),
    kbVerifier: (data, signature, payload) => verifier(payload.cnf.jwk)(data, signature),
    ...(statusToken
      ? { statusListFetcher: async () => statusToken, statusVerifier: verifier(issuerPublic) }
      : {}),
  });
}

const operations = {
  async issue({ payload, frame, issuer, header }) {
    return { sdjwt: await instance({ issuer }).issue(payload, frame, { header }) };
  },
  async present({ sdjwt, frame, holder, nonce, aud, iat }) {
    const kb = { payload: { nonce, aud, iat } };
    return { presentation: await instance({ holder }).present(sdjwt, frame, { kb }) };
  },
  async verify({ presentation, issuerPublic, nonce, now, statusToken }) {
    const result = await instance({ issuerPublic, statusToken }).verify(presentation, {
      keyBindingNonce: nonce,
      currentDate: now,
    });
    return { claims: result.payload, kb: result.kb?.payload ?? null };
  },
  // Verify the same presentations again and again for `milliseconds`; the count is the answer.
  async bench({ presentations, issuerPublic, nonces, now, milliseconds, statusToken }) {
    const peer = instance({ issuerPublic, statusToken });
    const started = process.cpuUsage();
    const end = performance.now() + milliseconds;
    let count = 0;
    while (performance.now() < end) {
      const at = count % presentations.length;
      await peer.verify(presentations[at], { keyBindingNonce: nonces[at], currentDate: now });
      count += 1;
    }
    const used = process.cpuUsage(started);
    return { count, cpuSeconds: (used.user + used.system) / 1e6 };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  let answer;
  try {
    const { op, ...request } = JSON.parse(line);
    answer = { ok: true, ...(await operations[op](request)) };
  } catch (error) {
    answer = { ok: false, error: String(error?.message ?? error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
