// Package purposekey makes keys for one purpose each out of secrets that several parts of the issuer share: what one part seals,
// no other opens.
package purposekey
