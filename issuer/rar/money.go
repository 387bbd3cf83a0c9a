package rar

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// What payments are made in (ISO 4217), by the number of decimals. Precious metals, funds and test codes are not among
// them: nobody pays with those.
const (
	noDecimals    = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
	twoDecimals   = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
	threeDecimals = "BHD IQD JOD KWD LYD OMR TND"
)

// decimals tells how many decimals a currency has.
func decimals(currency string) (int, bool) {
	if len(currency) != 3 || strings.Contains(currency, " ") {
		return 0, false
	}
	switch {
	case strings.Contains(noDecimals, currency):
		return 0, true
	case strings.Contains(twoDecimals, currency):
		return 2, true
	case strings.Contains(threeDecimals, currency):
		return 3, true
	}
	return 0, false
}

func validCurrency(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil // the schema says what it must be
	}
	if _, known := decimals(s); !known {
		return errors.New("payments are made in the currencies of ISO 4217")
	}
	return nil
}

// validMoney checks an object with currency and amount.
func validMoney(v any) error {
	object, ok := v.(map[string]any)
	if !ok {
		return nil // the schema says what it must be
	}
	currency, _ := object["currency"].(string)
	amount, _ := object["amount"].(string)
	_, err := minorUnits(amount, currency)
	return err
}

// minorUnits gives an amount in the smallest unit of its currency (cents). It is more than nothing, and has no more
// decimals than the currency.
func minorUnits(amount, currency string) (int64, error) {
	places, known := decimals(currency)
	if !known {
		return 0, errors.New("the currency is unknown")
	}
	whole, fraction, _ := strings.Cut(amount, ".")
	if len(fraction) > places {
		return 0, fmt.Errorf("%s has %d decimals", currency, places)
	}
	n, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", places-len(fraction)), 10, 63)
	switch {
	case err != nil:
		return 0, errors.New("the amount is no decimal number in range")
	case n == 0:
		return 0, errors.New("the amount is nothing")
	}
	return int64(n), nil
}
