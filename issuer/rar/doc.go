// Package rar reads authorization details (RFC 9396).
package rar

import _ "github.com/santhosh-tekuri/jsonschema/v6"
