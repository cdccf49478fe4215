// One connection of node-postgres, told what to do by lines of JSON: first where to connect, then statements.
'use strict'

const { Client } = require('pg')
const lines = require('readline').createInterface({ input: process.stdin })
let client
let work = Promise.resolve()
const names = new Map()

async function answer (line) {
  const what = JSON.parse(line)
  try {
    if (!client) {
      client = new Client({ ...what, connectionTimeoutMillis: 30000, query_timeout: 60000 })
      client.on('error', () => {})
      await client.connect()
      return { rows: [] }
    }
    const query = { text: what.sql, values: what.values, rowMode: 'array' }
    if (what.values.length) {
      if (!names.has(what.sql)) names.set(what.sql, `s${names.size}`)
      query.name = names.get(what.sql)
    }
    return { rows: (await client.query(query)).rows }
  } catch (error) {
    return { error: error.code || error.message }
  }
}

lines.on('line', line => {
  work = work.then(() => answer(line)).then(found => process.stdout.write(JSON.stringify(found) + '\n'))
})
lines.on('close', () => work.then(() => client && client.end()).finally(() => process.exit(0)))
