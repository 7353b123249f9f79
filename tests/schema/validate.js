// validate.js AJV_FOLDER SCHEMA < [text, ...] > [[{path, keyword, message}, ...], ...]
// What ajv says of texts; [] is good. "bad" is what is no JSON.
'use strict'
const fs = require('fs')
const path = require('path')
const Ajv = require(path.join(process.argv[2], 'ajv', 'dist', '2020'))

const schema = JSON.parse(fs.readFileSync(process.argv[3]))
const ajv = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false, allowUnionTypes: true })
ajv.addKeyword('patternErrorMessage') // editors show it instead of the pattern
const validate = ajv.compile(schema)

function place(error) {
  const key = error.params.additionalProperty || error.params.propertyName
  return key === undefined ? error.instancePath : `${error.instancePath}/${key.replace(/~/g, '~0').replace(/\//g, '~1')}`
}

function judge(text) {
  let value
  try {
    value = JSON.parse(text)
  } catch {
    return 'bad'
  }
  if (validate(value)) return []
  return validate.errors.map((e) => ({ path: place(e), keyword: e.keyword, message: e.message }))
}

const texts = JSON.parse(fs.readFileSync(0))
process.stdout.write(JSON.stringify(texts.map(judge)))
