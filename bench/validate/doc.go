// Package validate compares gongular's package validate with others: with
// govalidator, whose tags it reads, in what is accepted and what is said, and
// with govalidator, validator/v10 and code by hand in what it costs. There is
// nothing in it but tests.
package validate
