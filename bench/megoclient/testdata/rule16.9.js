'use strict'
// The codes are properties of the class.

const { assert, test, MegoClient } = require('./harness.js')

test('codes', () => {
  const names = ['Error', 'Full', 'Exists', 'Invalid', 'NotFound', 'NotAuthorized', 'NoPermission', 'Unimplemented',
    'TooManyRequests', 'ResourceExhausted', 'Busy', 'FileRetry', 'FileEmpty', 'FileTooLarge', 'Timeout']
  names.forEach((name, i) => assert.equal(MegoClient['Status' + name], -1000 - i))
  assert.equal(Object.keys(MegoClient).filter(name => name.startsWith('Status')).length, names.length)
})
