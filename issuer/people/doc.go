// Package people knows who can log in, how they prove who they are, and who is logged in.
//
// A [Directory] keeps people with their passwords (argon2id, RFC 9106), one-time codes (RFC 6238) with recovery codes, and
// passkeys (Web Authentication Level 3, discoverable and with user verification). [Sessions] keeps who is logged in. What a
// person used becomes amr (RFC 8176) and acr values in method.go.
//
// # What it promises
//
//   - Nobody learns who has an account: an unknown name, a disabled person and a wrong password get the same answer after the
//     same work.
//   - Nobody is shut out by somebody else: failures slow down the address and the strangers they came from, and a device from
//     which the person logged in before has an allowance of its own. See throttle.go.
//   - What is used once is used once: a step of the one-time codes, a recovery code, a passkey's challenge.
//   - A store that cannot be asked refuses everybody. What is counted in memory is bounded, and so is the memory for hashing.
//
// Reading order: person.go, method.go, refusal.go, config.go, directory.go, username.go, record.go; then password.go, hasher.go,
// phc.go, weak.go, throttle.go, gate.go, device.go; then onetime.go, recovery.go; then passkey.go, ceremony.go, registration.go,
// passkeylogin.go, factors.go; then session.go, sessions.go, ending.go. Package peopletest holds an authenticator made of
// software, for tests.
package people
