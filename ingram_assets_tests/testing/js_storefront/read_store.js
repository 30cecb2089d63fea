// The store as a storefront shows it, through Medusa's own SDK: each variant, what a cart takes of it, and the
// products that one request finds by the tag of a state. Arguments: address, publishable key, region.
import Medusa from "@medusajs/js-sdk"

const MORE_THAN_THERE_ARE = 1000
const AT_ONCE = 4
const FIELDS =
  "id,status,*variants,+variants.metadata,+variants.manage_inventory,+variants.allow_backorder,+variants.inventory_quantity"

const [baseUrl, publishableKey, region_id] = process.argv.slice(2)
const sdk = new Medusa({ baseUrl, publishableKey })

async function takes(variant, quantity) {
  try {
    await sdk.store.cart.create({ region_id, items: [{ variant_id: variant.id, quantity }] }, { fields: "id" })
    return true
  } catch (error) {
    if (error.status === 400) return false
    throw error
  }
}

async function cart(variant) {
  if (await takes(variant, MORE_THAN_THERE_ARE)) return "any number"
  if (variant.inventory_quantity > 0 && (await takes(variant, variant.inventory_quantity + 1))) return "more than it says"
  return (await takes(variant, variant.inventory_quantity || 1)) ? "what is there" : "none"
}

async function title(product) {
  const [variant] = product.variants
  const { sku, metadata, manage_inventory, allow_backorder, inventory_quantity } = variant
  const { availability, availability_state, availability_label, in_stock, release_date } = metadata ?? {}
  return {
    isbn: sku,
    product_status: product.status,
    ...{ availability, availability_state, availability_label, in_stock, release_date },
    ...{ manage_inventory, allow_backorder, inventory_quantity },
    cart: await cart(variant),
  }
}

async function foundBy(tag) {
  const { products } = await sdk.store.product.list({ tag_id: [tag.id], fields: "id,*variants", limit: 1000 })
  return products.map((product) => product.variants[0].sku)
}

const { products } = await sdk.store.product.list({ region_id, fields: FIELDS, limit: 1000 })
const titles = []
const left = [...products]
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let product = left.shift(); product; product = left.shift()) titles.push(await title(product))
  }),
)
const { product_tags } = await sdk.client.fetch("/store/product-tags", { query: { limit: 1000 } })
const byTag = {}
for (const tag of product_tags) byTag[tag.value] = await foundBy(tag)
console.log(JSON.stringify({ titles, byTag }))
